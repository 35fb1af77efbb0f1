// Lets a worker thread run TypeScript when the service runs from its sources: tsx's own --import hook registers on
// the main thread only. Not used by the built service.
import { register } from 'tsx/esm/api';

register();
