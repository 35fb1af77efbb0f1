// One service and one browser for all that needs no other configuration: starting both takes longer than most tests.
// Each file has its own subject. This is first, as it looks at a service to which nothing was given yet:
import './whole-path.ts';
import './accessibility.ts';
import './other-sites.ts';
import './leaving.ts';
import './live.ts';
import './runs.ts';
import './many-modules.ts';
import './studio.ts';
import './module-names.ts';
import './other-files.ts';
