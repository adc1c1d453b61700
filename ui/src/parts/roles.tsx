import type { JSX } from 'preact';
import { useContext } from 'preact/hooks';
import { modelPath, type Version } from '../api';
import { Fact } from '../fact';
import { useRoute } from '../feed';
import { Card, Chip, Empty, Failed } from '../pieces';
import { versionColor } from '../theme';
import { ViewContext, type View } from '../view';

const roles = ['champion', 'challenger', 'shadow'] as const;

export function Roles(): JSX.Element {
  const { model } = useContext(ViewContext) as View;
  const { answer, error } = useRoute<{ versions: Version[] }>(modelPath(model.data.name, '/versions'));
  const taken = roles.filter((role) => model.data.roles[role]);
  const versions = answer?.data.versions ?? [];
  return (
    <Card id="roles" title="Roles and versions" span={5} note={model.data.signature && <>{model.data.signature.task}, {model.data.signature.columns.length} columns</>}>
      <Failed error={error} />
      {taken.length === 0 && <Empty>No version has a role yet: nothing is served.</Empty>}
      <ul class="roles">
        {taken.map((role) => {
          const held = model.data.roles[role]!;
          return (
            <li key={role}>
              <i class="swatch" style={{ background: `var(${versionColor(model.data.versions, held.version)})` }} />
              <b>{role}</b>
              <span class="version">v<Fact from={model} at={`/roles/${role}/version`} /></span>
              <span class="minor">epoch <Fact from={model} at={`/roles/${role}/epoch`} as="count" /> since <Fact from={model} at={`/roles/${role}/since`} as="time" /></span>
              <span class="minor why">by {held.by || 'unknown'}{held.reason && `: ${held.reason}`}</span>
            </li>
          );
        })}
      </ul>
      {model.data.traffic.arms.length > 0 && (
        <div class="arms" role="img" aria-label="share of entities each arm serves">
          {model.data.traffic.arms.map((arm, i) => (
            <div key={i} title={`${arm.arm}: version ${arm.version}, entities in [${arm.begin}, ${arm.end})`}
              style={{ flexGrow: arm.end - arm.begin, background: `var(${versionColor(model.data.versions, arm.version)})` }} />
          ))}
        </div>
      )}
      {versions.length > 0 && (
        <div class="scroll">
          <table>
            <thead><tr><th scope="col">version</th><th scope="col">state</th><th scope="col">made by</th><th scope="col" class="right">trained on</th><th scope="col">engine</th></tr></thead>
            <tbody>
              {versions.map((version, i) => ({ version, i })).reverse().map(({ version, i }) => (
                <tr key={version.version}>
                  <td class="nowrap"><i class="swatch" style={{ background: `var(${versionColor(model.data.versions, version.version)})` }} /> v<Fact from={answer!} at={`/versions/${i}/version`} /></td>
                  <td><Chip state={version.state} /></td>
                  <td class="minor">{version.created_by || '–'}{version.trigger && `, ${version.trigger}`}</td>
                  <td class="right nowrap">{version.training_rows > 0 ? <><Fact from={answer!} at={`/versions/${i}/training_rows`} as="count" /> rows</> : <span class="minor">unknown</span>}</td>
                  <td class="minor nowrap" title={version.engine?.reason}>{version.engine?.name ?? 'not loaded'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
