#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "app/server_page.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "report/report.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::string url, model, output = "report.html";
  bool json = false;
};

int Report(const Flags& flags) {
  Remote remote(flags.url);
  std::string model = flags.model;
  if (model.empty()) {
    const StatusOr<Json> models = remote.Get("/api/v1/models");
    if (!models.ok()) return Fail(models.status(), kFailed);
    const Json& list = models->is_object() ? models->at("models") : *models;
    if (list.size() != 1)
      return Fail(absl::InvalidArgumentError(absl::StrCat("the server has ", list.size(), " models: name one")), kUsage);
    model = list[0].at("name");
  }
  const auto client = net::HttpClient::Create(flags.url);
  const StatusOr<report::Page> page = ReadServerPage(*client, model);
  if (!page.ok()) return Fail(page.status(), kFailed);
  if (const Status written = WriteFile(flags.output, report::RenderHtml(*page)); !written.ok()) return Fail(written, kFailed);
  if (flags.json) {
    PrintJson({{"model", model}, {"output", flags.output}, {"findings", page->findings.size()}});
  } else {
    std::cerr << "report of " << model << " in " << flags.output << "\n";
  }
  return kDone;
}

}  // namespace

void AddReport(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      NewVerb(app, "report", "A self-contained HTML report of a running server's model, with plots.", "vigil report fraud -o fraud.html");
  verb->add_option("MODEL", flags->model, "model; may be left out when there is one");
  AddUrlOption(verb, &flags->url);
  verb->add_option("-o,--output", flags->output, "the report");
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags] { *run = [flags] { return Report(*flags); }; });
}

}  // namespace vigil::cli
