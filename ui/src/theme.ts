import { useEffect, useState } from 'preact/hooks';

// Whether the system wants a dark page; charts are drawn with colours read from the style sheet, so they must hear of a change.
export function useDark(): boolean {
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = () => setDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  return dark;
}

export const versionColors = ['--v1', '--v2', '--v3', '--v4', '--v5', '--v6'];

// A version keeps its colour in every chart: by its place among the model's versions.
export function versionColor(versions: string[], version: string): string {
  const place = versions.indexOf(version);
  return versionColors[(place < 0 ? versions.length : place) % versionColors.length] as string;
}
