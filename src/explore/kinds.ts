/**
 * Kinds of operation by what they have in common.
 */
import {
  OP_ADD_THEN,
  OP_CMPXCHG,
  OP_GIVE,
  OP_GIVE_SHARED,
  OP_LOAD,
  OP_LOAD_THEN,
  OP_RMW,
  OP_TAKE,
  OP_TAKE_SHARED,
  OP_TRY_ADD,
  OP_WAIT_FOR,
} from '../machine/kernel.ts';

export const LOADS: readonly number[] = [OP_LOAD, OP_LOAD_THEN];
/** They look at a word, and may change it. */
export const CHANGES: readonly number[] = [OP_RMW, OP_CMPXCHG, OP_TRY_ADD, OP_ADD_THEN];
/** A lock that is taken with one look. */
export const TAKES: readonly number[] = [OP_TAKE, OP_TAKE_SHARED];
/** A lock that is taken, a ticket's turn included. */
export const LOCKS: readonly number[] = [...TAKES, OP_WAIT_FOR];
export const GIVES: readonly number[] = [OP_GIVE, OP_GIVE_SHARED];
