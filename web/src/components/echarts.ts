import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { CHART_PARTS } from '../../../src/charts/echarts-parts.ts';

use([...CHART_PARTS, CanvasRenderer]);

/** ECharts with what our charts are made of; a chunk of its own, loaded when the first chart is. */
export { init };
