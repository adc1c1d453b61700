import { defineConfig } from 'vite';

export default defineConfig({
  // The server gives the page at /graphql and its files below /graphql/.
  base: '/graphql/',
  build: { target: 'es2022', modulePreload: { polyfill: false }, reportCompressedSize: false, chunkSizeWarningLimit: 8192 },
  worker: { format: 'es' },
});
