// Preloaded with -r. Prints the bytes that the process allocated on its heap, collected or not, as the last line of its
// stderr.
const { Session } = require('node:inspector');

const session = new Session();
session.connect();
const all = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
session.post('HeapProfiler.startSampling', { samplingInterval: 1024, ...all });

const sum = (node) => node.children.reduce((bytes, child) => bytes + sum(child), node.selfSize);
process.on('exit', () =>
  session.post('HeapProfiler.stopSampling', (_, { profile }) =>
    process.stderr.write(`allocated ${sum(profile.head)}\n`),
  ),
);
