/**
 * I53 BIO_ERROR for those who know that nothing in their program allows an error: they say why.
 */
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';

/** A bio has ended with an error that no rule of the program allows. */
export function failedAlthough(error: number, why: string): never {
  report('wrong-error', 'I53', `a bio ends with ${errnoText(error)}, although ${why}`);
}
