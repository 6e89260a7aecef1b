// What the demo shows on a terminal: steps, a progress bar, a table.
const live = process.stdout.isTTY;
const started = Date.now();
let barShown = false;

const clock = () => `${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s`;
function clearBar() {
  if (barShown && live) process.stdout.write('\r\x1b[K');
  barShown = false;
}
export function say(text) {
  clearBar();
  console.log(`${clock()}  ${text}`);
}

export class Progress {
  constructor(what, all) {
    Object.assign(this, { what, all, shown: 0, start: Date.now() });
  }
  to(done, note = '') {
    const now = Date.now();
    const last = done >= this.all;
    // On a terminal ten times a second; in a log a line every 10 %.
    if (live ? now - this.shown < 100 && !last : Math.floor((10 * done) / this.all) === this.tenth) return;
    this.shown = now;
    this.tenth = Math.floor((10 * done) / this.all);
    const rate = done / Math.max(0.001, (now - this.start) / 1000);
    const width = 28;
    const full = Math.round((width * done) / this.all);
    const line = `${clock()}  ${this.what} [${'#'.repeat(full)}${'.'.repeat(width - full)}] ${done}/${this.all}  ${rate.toFixed(0)}/s  ${note}`;
    if (live) process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns ?? 120) - 1)}`);
    else console.log(line);
    barShown = true;
  }
}

export function percentile(values, share) {
  if (!values.length) return NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

// Rows {what, value, ok}: ok undefined is told, not judged. wide: of the first column, at least. Returns whether every judged row holds.
export function table(rows, { wide: least = 0 } = {}) {
  clearBar();
  const wide = Math.max(least, ...rows.map((row) => row.what.length));
  for (const { what, value, ok } of rows) {
    console.log(`  ${ok === undefined ? '    ' : ok ? ' ok ' : 'FAIL'}  ${what.padEnd(wide)}  ${value}`);
  }
  return rows.every((row) => row.ok !== false);
}
