// Reporter that passes the TAP through and closes with what failed, for a log is often kept from its end, and with one plain
// line, `N passed, N failed`, because the runner's own closing comment is meant for machines.

import { Transform } from 'node:stream';

const TOTALS = /^# \{ total: \d+(.*) \}$/;
/** A name has its # escaped. */
const NOT_OK = /^\s*not ok (?!.*(?<!\\)# (?:TODO|SKIP))/;
const BLOCK_BEGINS = /^(\s*)---$/;

export default class Tally extends Transform {
  #tail = '';
  #totals = '';
  #failed = [];
  /** Whether the line before is a point that failed. */
  #afterPoint = false;
  /** How far the block of YAML is indented that this line is in; null: it is in none. What a block quotes is indented further. */
  #indent = null;

  _transform(chunk, _encoding, done) {
    const lines = (this.#tail + chunk).split('\n');
    this.#tail = lines.pop();
    for (const line of lines) this.#see(line);
    done(null, chunk);
  }

  #see(line) {
    this.#totals = TOTALS.exec(line)?.[1] ?? this.#totals;
    // Whoever dies in a block leaves it open.
    if (this.#indent !== null && line.trim() !== '' && !line.startsWith(this.#indent)) this.#indent = null;
    const begins = this.#afterPoint ? BLOCK_BEGINS.exec(line) : null;
    this.#afterPoint = this.#indent === null && NOT_OK.test(line);
    if (this.#afterPoint || begins !== null || this.#indent !== null) this.#failed.push(line);
    if (begins !== null) this.#indent = begins[1];
    else if (line === `${this.#indent}...`) this.#indent = null;
  }

  _flush(done) {
    const count = (key) => Number(new RegExp(`${key}: (\\d+)`).exec(this.#totals)?.[1] ?? 0);
    const skipped = count('skip') + count('todo');
    const failed = this.#failed.length === 0 ? '' : `Failed:\n${this.#failed.join('\n')}\n`;
    done(null, `${failed}${count('pass')} passed, ${count('fail')} failed${skipped ? `, ${skipped} skipped` : ''}\n`);
  }
}
