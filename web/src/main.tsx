import '@preact/signals';
import { render } from 'preact';
import { App } from './app.tsx';
import { trackAccess } from './state/access.ts';
import { startLiveUpdates } from './state/live.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/tables.css';
import './styles/outcomes.css';
import './styles/studio.css';
import './styles/records.css';

startLiveUpdates();
trackAccess();
render(<App />, document.getElementById('app')!);
