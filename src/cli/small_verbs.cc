// config, health, version, doctor, completion.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "app/config.h"
#include "app/wiring.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "net/client.h"
#include "retraining/retraining.h"

namespace vigil::cli {
namespace {

void Flatten(const Json& value, const std::string& pointer, const std::map<std::string, std::string>& origins, bool json, Json* out) {
  if (value.is_structured() && !value.empty()) {
    for (const auto& [key, child] : value.items()) Flatten(child, absl::StrCat(pointer, "/", key), origins, json, out);
    return;
  }
  const auto origin = origins.find(pointer);
  const std::string from = origin == origins.end() ? "file" : origin->second;
  std::string name = pointer.substr(1);
  for (char& c : name) c = c == '/' ? '.' : c;
  if (json) {
    (*out)[name] = Json{{"value", value}, {"origin", from}};
  } else {
    std::cout << name << " = " << DumpJson(value) << "  (" << from << ")\n";
  }
}

int ShowConfig(const std::string& file, bool schema, bool json) {
  if (schema) {
    std::cout << DumpJson(SettingsSchema(), 2) << "\n";
    return kDone;
  }
  const StatusOr<ServerConfig> config = LoadConfig(file, Environment(), {});
  if (!config.ok()) return Fail(config.status(), kBadConfiguration);
  Json flat = Json::object();
  Flatten(config->effective.value, "", config->effective.origins, json, &flat);
  if (json) PrintJson(flat);
  return kDone;
}

int Health(const std::string& url) {
  net::ClientOptions options;
  options.timeout_ms = 3'000;
  const auto client = net::HttpClient::Create(url, options);
  const auto answer = client->Get("/v2/health/ready");
  if (!answer.ok())
    return Fail(absl::UnavailableError(absl::StrCat("no answer from ", url, ": ", std::string(answer.status().message()))), kFailed);
  if (answer->status != 200) return Fail(absl::UnavailableError(absl::StrCat(url, " is not ready (HTTP ", answer->status, ")")), kFailed);
  std::cout << "ready\n";
  return kDone;
}

struct Finding {
  std::string name;
  bool ok;
  std::string detail;
};

// Loads and lets go again: what the binary would do when the library is first needed.
Finding TryLibrary(const std::string& file, const std::string& variable, const std::string& use) {
  const char* named = std::getenv(variable.c_str());
  const std::string program = ProgramPath();
  const std::string beside = program.substr(0, program.rfind('/')) + "/../lib/" + file;
  for (const std::string& candidate : {std::string(named == nullptr ? "" : named), beside, file}) {
    if (candidate.empty()) continue;
    if (void* handle = dlopen(candidate.c_str(), RTLD_LAZY | RTLD_LOCAL); handle != nullptr) {
      dlclose(handle);
      return {file, true, candidate};
    }
  }
  return {file, false, absl::StrCat("not found; ", use, " needs it (", variable, " names it)")};
}

int Doctor(bool json) {
  std::vector<Finding> findings;
  findings.push_back(TryLibrary("libduckdb.so", "VIGIL_DUCKDB_LIB", "reading and writing Parquet, CSV and NDJSON files"));
  const StatusOr<std::string> trainer = TrainerLibrary();
  findings.push_back({"libxgboost.so", trainer.ok(), trainer.ok() ? *trainer : std::string(trainer.status().message())});
  findings.push_back(TryLibrary("libonnxruntime.so", "VIGIL_ONNXRUNTIME_LIB", "serving ONNX models that are not tree ensembles"));
  findings.push_back({"cores", true, absl::StrCat(sysconf(_SC_NPROCESSORS_ONLN))});
  findings.push_back(
      {"avx2", __builtin_cpu_supports("avx2") != 0, "byte-rank engines run on any CPU; AVX2 and AVX-512 VBMI make them fast"});
  findings.push_back({"avx512vbmi", __builtin_cpu_supports("avx512vbmi") != 0, ""});
  bool fine = findings[0].ok && findings[1].ok;
  if (json) {
    Json out = Json::array();
    for (const Finding& f : findings) out.push_back({{"name", f.name}, {"ok", f.ok}, {"detail", f.detail}});
    PrintJson(out);
  } else {
    for (const Finding& f : findings) std::cout << (f.ok ? "ok      " : "absent  ") << f.name << "  " << f.detail << "\n";
  }
  return fine ? kDone : kFailed;
}

int Completion(const CLI::App& app, const std::string& shell) {
  std::string verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    absl::StrAppend(&verbs, verbs.empty() ? "" : " ", verb->get_name());
  if (shell == "fish") {
    std::cout << "complete -c vigil -n __fish_use_subcommand -a '" << verbs << "'\n";
  } else if (shell == "zsh") {
    std::cout << "#compdef vigil\n_arguments '1: :(" << verbs << ")' '*: :_files'\n";
  } else {
    std::cout << "_vigil() { if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W '" << verbs
              << "' -- \"${COMP_WORDS[1]}\")); else COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\")); fi; }\ncomplete -F _vigil "
                 "vigil\n";
  }
  return kDone;
}

}  // namespace

void AddConfig(CLI::App& app, std::function<int()>* run) {
  struct Flags {
    std::string file;
    bool effective = false, schema = false, json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      NewVerb(app, "config", "The configuration in force, and where each value came from.", "vigil config --effective --config vigil.yaml");
  verb->add_option("--config", flags->file, "vigil.yaml");
  verb->add_flag("--effective", flags->effective, "every setting (the default)");
  verb->add_flag("--schema", flags->schema, "the JSON Schema of vigil.yaml");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return ShowConfig(flags->file, flags->schema, flags->json); }; });
}

void AddHealth(CLI::App& app, std::function<int()>* run) {
  auto url = std::make_shared<std::string>();
  CLI::App* verb = NewVerb(app, "health", "Exit 0 if a server is ready.", "vigil health --url http://127.0.0.1:8080");
  AddUrlOption(verb, url.get());
  verb->callback([run, url] { *run = [url] { return Health(*url); }; });
}

void AddVersion(CLI::App& app, std::function<int()>* run) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = NewVerb(app, "version", "This program's version.", "vigil version --json");
  verb->add_flag("--json", *json, "for machines");
  verb->callback([run, json] {
    *run = [json] {
      if (*json) {
        PrintJson({{"version", VIGIL_VERSION}});
      } else {
        std::cout << "vigil " << VIGIL_VERSION << "\n";
      }
      return kDone;
    };
  });
}

void AddDoctor(CLI::App& app, std::function<int()>* run) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = NewVerb(app, "doctor", "What this machine has of what Vigil can use.", "vigil doctor");
  verb->add_flag("--json", *json, "for machines");
  verb->callback([run, json] { *run = [json] { return Doctor(*json); }; });
}

void AddCompletion(CLI::App& app, std::function<int()>* run) {
  auto shell = std::make_shared<std::string>("bash");
  CLI::App* verb = NewVerb(app, "completion", "Shell completion.", "source <(vigil completion bash)");
  verb->add_option("SHELL", *shell, "bash, zsh or fish")->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([run, shell, &app] { *run = [shell, &app] { return Completion(app, *shell); }; });
}

}  // namespace vigil::cli
