import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { CHART_PARTS } from '../../../src/charts/echarts-parts.ts';

use([...CHART_PARTS, CanvasRenderer]);

/**
 * ECharts with only the parts that our charts need, as a chunk of its own that is loaded with the first
 * chart.
 */
export { init };
