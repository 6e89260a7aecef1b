// The version stands in several files, each read by another tool: they say the same.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const found = (path, pattern) => pattern.exec(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))?.[1];

test('build, program, pages and CHANGELOG have one version', () => {
  const version = found('CMakeLists.txt', /^project\(holdfast VERSION (\S+) /m);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  for (const [path, pattern] of [
    ['src/core/node/node.h', /software_version = "holdfast ([^"]+)"/],
    ['web/package.json', /^ {2}"version": "([^"]+)"/m],
    ['web/package-lock.json', /^ {2}"version": "([^"]+)"/m],
    ['CHANGELOG.md', /^## (\S+)/m],
  ]) assert.equal(found(path, pattern), version, path);
});
