// One service and one browser for all tests that need no other configuration, because starting both takes
// longer than most tests. Each file has its own subject. This one is first, because it needs an empty
// service:
import './whole-path.ts';
import './first-paint.ts';
import './accessibility.ts';
import './other-sites.ts';
import './leaving.ts';
import './live.ts';
import './runs.ts';
import './many-modules.ts';
import './studio.ts';
import './module-names.ts';
import './other-files.ts';
