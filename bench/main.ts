import '../src/targets/all.ts';
import { single } from './locks.ts';

single();
