// The documentation page: lists the operations of /openapi.json with a form to try each. Needs nothing from any other host.
#include "frontends/rest/openapi.h"

namespace vigil {

const char kDocsPage[] = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Vigil API</title>
<style>
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--get:#2a7ae2;--post:#2e8b57;--put:#b8860b}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:960px;padding:1.5rem}
h1{margin:0 0 .2rem}h2{margin:1.6rem 0 .4rem;text-transform:capitalize;font-size:1.1rem}
details{border:1px solid var(--line);border-radius:6px;margin:.35rem 0}
summary{cursor:pointer;padding:.45rem .7rem;display:flex;gap:.7rem;align-items:baseline;flex-wrap:wrap}
summary:focus-visible,button:focus-visible,input:focus-visible,textarea:focus-visible{outline:2px solid var(--get)}
.m{font:700 12px ui-monospace,monospace;color:#fff;border-radius:4px;padding:.1rem .45rem;background:var(--get)}
.m.post{background:var(--post)}.m.put{background:var(--put)}code,textarea,pre,input{font:13px ui-monospace,monospace}
form{padding:.3rem .9rem .9rem;border-top:1px solid var(--line)}label{display:block;margin:.5rem 0 .1rem}
input,select,textarea{width:100%;box-sizing:border-box;padding:.35rem;border:1px solid var(--line);border-radius:4px;background:var(--soft);color:inherit}
textarea{min-height:7rem}button{margin:.7rem 0;padding:.4rem 1.1rem;border:0;border-radius:4px;background:var(--get);color:#fff;cursor:pointer}
pre{background:var(--soft);padding:.7rem;overflow:auto;max-height:26rem;white-space:pre-wrap;word-break:break-word}.s{color:#888}
</style></head><body>
<h1>Vigil API</h1><p class="s" id="about">Loading <a href="/openapi.json">openapi.json</a> …</p><label for="q">Filter</label>
<input id="q" type="search" placeholder="predict, alerts, /v2 …"><main id="list"></main>
<script>
"use strict";
const el=(tag,props,...kids)=>{const e=Object.assign(document.createElement(tag),props);e.append(...kids);return e};
let doc;
const resolve=s=>s&&s.$ref?resolve(doc.components.schemas[s.$ref.split("/").pop()]):s||{};
function example(schema,depth=0){
  const s=resolve(schema);if(depth>5)return null;
  if(s.enum)return s.enum[0];if(s.oneOf)return example(s.oneOf[0],depth+1);
  const type=Array.isArray(s.type)?s.type[0]:s.type;
  if(type==="object"){const o={};for(const k of Object.keys(s.properties||{}))if(!s.required||s.required.includes(k))o[k]=example(s.properties[k],depth+1);return o}
  if(type==="array")return s.items?[example(s.items,depth+1)]:[];
  if(s.format==="date-time")return new Date().toISOString();
  return type==="string"?"":type==="boolean"?false:type==="number"||type==="integer"?0:null;
}
function operation(path,method,op){
  const form=el("form");const fields=[];
  for(const p of op.parameters||[]){
    const input=el("input",{name:p.name,required:!!p.required});const label=el("label",{},p.name+(p.required?" *":"")+(p.description?" — "+p.description:""),input);
    form.append(label);fields.push([p,input]);
  }
  let body,kind;
  if(op.requestBody){
    const types=Object.keys(op.requestBody.content);
    kind=el("select",{},...types.map(t=>el("option",{value:t},t)));body=el("textarea",{spellcheck:false});
    const fill=()=>{const c=op.requestBody.content[kind.value];body.value=kind.value.includes("json")&&!kind.value.includes("ndjson")?JSON.stringify(example(c.schema),null,2):""};
    kind.onchange=fill;fill();form.append(el("label",{},"Content-Type",kind),el("label",{},"Body",body));
  }
  const out=el("pre",{hidden:true});
  form.append(el("button",{type:"submit"},"Send"),out);
  form.onsubmit=async event=>{
    event.preventDefault();let url=path;const query=new URLSearchParams();
    for(const [p,input] of fields)if(p.in==="path")url=url.replace("{"+p.name+"}",encodeURIComponent(input.value));else if(input.value)query.set(p.name,input.value);
    if([...query].length)url+="?"+query;
    out.hidden=false;out.textContent="…";const began=performance.now();
    try{
      const r=await fetch(url,{method:method.toUpperCase(),headers:body?{"Content-Type":kind.value}:{},body:body?body.value:undefined});
      let text=await r.text();try{text=JSON.stringify(JSON.parse(text),null,2)}catch{}
      out.textContent=`${method.toUpperCase()} ${url}\n${r.status} ${r.statusText} · ${(performance.now()-began).toFixed(1)} ms · ${r.headers.get("content-type")||""}\n\n${text}`;
    }catch(error){out.textContent=String(error)}
  };
  const node=el("details",{},el("summary",{},el("span",{className:"m "+method},method.toUpperCase()),el("code",{},path),el("span",{className:"s"},op.summary||"")),form);
  node.dataset.text=(method+" "+path+" "+(op.summary||"")+" "+op.operationId).toLowerCase();
  return node;
}
fetch("/openapi.json").then(r=>r.json()).then(d=>{
  doc=d;document.getElementById("about").replaceChildren(d.info.description+" Version "+d.info.version+". ",el("a",{href:"/openapi.json"},"openapi.json"));
  const groups=new Map();
  for(const [path,item] of Object.entries(d.paths))for(const [method,op] of Object.entries(item)){
    const tag=op.tags[0];if(!groups.has(tag))groups.set(tag,el("section",{},el("h2",{},tag)));groups.get(tag).append(operation(path,method,op));
  }
  document.getElementById("list").append(...groups.values());
  document.getElementById("q").oninput=event=>{const t=event.target.value.toLowerCase();
    for(const n of document.querySelectorAll("details"))n.hidden=!n.dataset.text.includes(t);
    for(const s of document.querySelectorAll("section"))s.hidden=![...s.querySelectorAll("details")].some(n=>!n.hidden)};
}).catch(error=>{document.getElementById("about").textContent="openapi.json could not be read: "+error});
</script></body></html>
)html";

}  // namespace vigil
