// Reporter that passes the TAP through and closes with one plain line, `N passed, N failed`,
// because the runner's own closing comment is meant for machines.

import { Transform } from 'node:stream';

const TOTALS = /^# \{ total: \d+(.*) \}$/;

export default class Tally extends Transform {
  #tail = '';
  #totals = '';

  _transform(chunk, _encoding, done) {
    const lines = (this.#tail + chunk).split('\n');
    this.#tail = lines.pop();
    for (const line of lines) this.#totals = TOTALS.exec(line)?.[1] ?? this.#totals;
    done(null, chunk);
  }

  _flush(done) {
    const count = (key) => Number(new RegExp(`${key}: (\\d+)`).exec(this.#totals)?.[1] ?? 0);
    const skipped = count('skip') + count('todo');
    done(null, `${count('pass')} passed, ${count('fail')} failed${skipped ? `, ${skipped} skipped` : ''}\n`);
  }
}
