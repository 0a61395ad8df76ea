import { main } from './cli/program.ts';

// A command that reaches its end sets the exit code. A run that dies before its recap never ends with 0.
process.exitCode = 70;

// If the reader goes away (`| head`, a closed terminal), the output ends but the run continues.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') stream.write = () => true;
    else throw error;
  });

const broken = (error: unknown): void => {
  process.stderr.write(
    `bringup has a bug: this should not happen.\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(70);
};
process.on('uncaughtException', broken);
process.on('unhandledRejection', broken);

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
}, broken);
