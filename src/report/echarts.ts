import { LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { CHART_PARTS } from '../charts/echarts-parts.ts';
import { measureTexts } from './text-width.ts';

use([...CHART_PARTS, LegendComponent, TitleComponent, SVGRenderer]);

measureTexts();

/** ECharts with what the charts of a report are made of. */
export { init };
