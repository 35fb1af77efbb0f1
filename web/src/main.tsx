import '@preact/signals';
import { render } from 'preact';
import { App } from './app.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/layout.css';
import './styles/parts.css';

render(<App />, document.getElementById('app')!);
