#include <malloc.h>

#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"

namespace vigil::cli {
namespace {

// One line a verb. `train` is also what a retraining job runs.
constexpr AddVerb kVerbs[] = {AddServe,  AddInspect, AddPredict, AddTrain,  AddValidate,    AddProfile, AddMonitor,
                              AddReport, AddLog,     AddLabels,  AddReplay, AddRemoteVerbs, AddConfig,  AddBench,
                              AddDemo,   AddHealth,  AddVersion, AddDoctor, AddCompletion};

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(verb->get_name());
  return names;
}

// A model is read through blocks of megabytes that live for a moment. Left to itself the allocator raises its thresholds to the largest it
// has seen, and keeps as much of each thread's arena for good; held, they go back to the machine when they are freed.
void HoldAllocatorThresholds() {
#ifdef __GLIBC__
  constexpr int kBlockBytes = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, kBlockBytes);
  mallopt(M_TRIM_THRESHOLD, kBlockBytes);
#endif
}

int Main(int argc, char** argv) {
  HoldAllocatorThresholds();
  CLI::App app("Vigil takes a trained model into production and keeps it right.", "vigil");
  app.require_subcommand(1);
  app.footer("Example:\n  vigil serve model.json\n  curl -d '{\"amount\":12.5}' localhost:8080/api/v1/models/model/predict");
  std::function<int()> run;
  for (const AddVerb add : kVerbs) add(app, &run);
  const std::vector<std::string> names = VerbNames(app);
  if (argc > 1 && argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    std::cerr << "error: unknown verb \"" << argv[1] << "\"" << DidYouMean(argv[1], names) << "; see vigil --help\n";
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error, std::cout, std::cerr);
    return asked ? kDone : kUsage;
  }
  return run();
}

}  // namespace
}  // namespace vigil::cli

int main(int argc, char** argv) {
  try {
    return vigil::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return vigil::cli::kFailed;
  }
}
