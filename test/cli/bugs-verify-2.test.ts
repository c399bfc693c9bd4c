import { verifyShare } from '../support/verify-share.ts';

verifyShare(2);
