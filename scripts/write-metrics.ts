import { writeFileSync } from 'node:fs';
import { Metrics } from '../src/metrics/metrics.ts';
import { PRODUCT } from '../src/version.ts';
import { metricsPage } from './metrics-page.ts';

writeFileSync(new URL('../docs/metrics.md', import.meta.url), metricsPage(new Metrics(PRODUCT).families()));
