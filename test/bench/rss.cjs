process.on('exit', () => process.stderr.write(`rss ${process.resourceUsage().maxRSS}\n`));
