#!/usr/bin/env -S node --test-reporter=./test/clients/tap.mjs
import test from 'node:test';
import assert from 'node:assert/strict';

test('skeleton', () => assert.equal(1, 1));
