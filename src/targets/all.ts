/** Every target type, registered by being imported. */
import './delay.ts';
import './error.ts';
import './linear.ts';
import './multipath/target.ts';
import './scripted.ts';
import './striped.ts';
import './zero.ts';
