#!/usr/bin/env -S node --test-reporter=tap
import test from 'node:test';
import assert from 'node:assert/strict';

test('skeleton', () => assert.equal(1, 1));
