import preact from '@preact/preset-vite';
import { defineConfig, type Plugin } from 'vite';

// Everything comes from the server itself. Only in the built page: Vite's development server needs inline scripts.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const contentPolicy: Plugin = {
  name: 'content-policy',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: policy }, injectTo: 'head-prepend' },
  ],
};

export default defineConfig({
  // The server gives the page at /ui and its files below /ui/.
  base: '/ui/',
  plugins: [preact(), contentPolicy],
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: true },
  server: { proxy: { '/api': process.env.VIGIL_URL ?? 'http://127.0.0.1:8080' } },
});
