#include <iostream>
#include <memory>

#include "cli/cli.h"
#include "cli/offline_model.h"

namespace vigil::cli {
namespace {

Json SignatureJson(const Signature& signature, const TableShape& shape) {
  const auto tensors = [](const std::vector<TensorSpec>& specs) {
    Json list = Json::array();
    for (const TensorSpec& spec : specs) {
      list.push_back({{"name", spec.name}, {"datatype", std::string(DTypeName(spec.dtype))}, {"shape", spec.shape}});
      if (!spec.keys.empty()) list.back()["keys"] = spec.keys;
    }
    return list;
  };
  Json types = Json::array();
  for (const ModelColumn& column : shape.columns) types.push_back(std::string(DTypeName(column.dtype)));
  return Json{{"task", std::string(TaskName(signature.task))},
              {"inputs", tensors(signature.inputs)},
              {"outputs", tensors(signature.outputs)},
              {"columns", shape.names},
              {"column_types", types},
              {"columns_are_named", shape.named}};
}

int Inspect(const std::string& path, const std::string& engine, const std::string& chosen, bool json) {
  LoadOptions options;
  options.engine = engine;
  options.signature = chosen;
  const auto model = OfflineModel::Load(path, options);
  if (!model.ok()) return FailForData(model.status());
  const ModelInfo& info = (*model)->info();
  const Signature& signature = (*model)->signature();
  const TableShape& shape = (*model)->table();
  Json facts = Json::object();
  for (const auto& [name, value] : info.facts) facts[name] = value;
  if (json) {
    PrintJson({{"path", path},
               {"format", info.format},
               {"library", info.library},
               {"digest", info.digest},
               {"memory_bytes", info.memory_bytes},
               {"engine", info.engine},
               {"engine_reason", info.engine_reason},
               {"facts", facts},
               {"signature", SignatureJson(signature, shape)}});
    return kDone;
  }
  std::cout << path << "\n  format     " << info.format << (info.library.empty() ? "" : ", written by " + info.library) << "\n  task       "
            << TaskName(signature.task) << "\n  engine     " << info.engine << " (" << info.engine_reason << ")\n  memory     "
            << info.memory_bytes / 1024 << " KiB\n  digest     sha256:" << info.digest << "\n";
  for (const auto& [name, value] : info.facts)
    std::cout << "  " << name << std::string(name.size() < 11 ? 11 - name.size() : 1, ' ') << value << "\n";
  if (!shape.refusal.empty()) std::cout << "  no table   " << shape.refusal << "\n";
  std::cout << "  columns    " << shape.names.size() << (shape.named ? "" : " (unnamed)") << ":";
  for (const ModelColumn& column : shape.columns) {
    std::cout << " " << column.name;
    if (column.dtype != DType::kFloat32) std::cout << " (" << DTypeName(column.dtype) << ")";
  }
  std::cout << "\n";
  return kDone;
}

}  // namespace

void AddInspect(CLI::App& app, std::function<int()>* run) {
  struct Flags {
    std::string path, engine, signature;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      NewVerb(app, "inspect", "What a model is: format, signature, size, engine chosen and why; every check that loading does.",
              "vigil inspect model.json");
  verb->add_option("PATH", flags->path, "model: file, directory or address")->required();
  verb->add_option("--engine", flags->engine, "force one scoring engine");
  verb->add_option("--signature", flags->signature, "of a TensorFlow model (default: serving_default)");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Inspect(flags->path, flags->engine, flags->signature, flags->json); }; });
}

}  // namespace vigil::cli
