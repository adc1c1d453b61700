// GraphiQL against the server that gave this page; nothing comes from any other host.
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './style.css';
import { GraphiQL } from 'graphiql';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { fetcher } from './fetcher.js';
import { welcome } from './welcome.js';

createRoot(document.getElementById('graphiql')).render(createElement(GraphiQL, { fetcher, defaultQuery: welcome }));
