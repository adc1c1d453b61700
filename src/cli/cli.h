// The command line: one file a verb. A verb parses its flags, calls the layer that does the work, prints, and returns an exit code.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/status.h"

namespace vigil::cli {

// The contract's exit codes.
enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kBadConfiguration = 3, kBadData = 4, kRefusedByGate = 5 };

// Adds one verb to `app`; `*run` is what main calls when that verb was given.
using AddVerb = void (*)(CLI::App& app, std::function<int()>* run);

// Prints `error: ...` on standard error and returns `code`.
int Fail(const Status& status, ExitCode code);
// kBadData for what a broken or unserved file gives (INVALID_ARGUMENT, UNIMPLEMENTED, NOT_FOUND, DATA_LOSS, FAILED_PRECONDITION), else
// kFailed.
int FailForData(const Status& status);

// One line of JSON on standard output.
void PrintJson(const Json& value);

// True when standard output is a terminal and NO_COLOR is not set: progress and colour are for people.
bool IsTerminal();

// The whole file. NOT_FOUND names it.
StatusOr<std::string> ReadFile(const std::string& path);
// Writes under a temporary name first, so that a reader never sees half a file.
Status WriteFile(const std::string& path, std::string_view text);

// Standard description of `vigil VERB --help`: what it does and one example.
CLI::App* NewVerb(CLI::App& app, const std::string& name, const std::string& summary, const std::string& example);

// The verbs.
void AddServe(CLI::App& app, std::function<int()>* run);
void AddInspect(CLI::App& app, std::function<int()>* run);
void AddPredict(CLI::App& app, std::function<int()>* run);
void AddTrain(CLI::App& app, std::function<int()>* run);
void AddValidate(CLI::App& app, std::function<int()>* run);
void AddProfile(CLI::App& app, std::function<int()>* run);
void AddMonitor(CLI::App& app, std::function<int()>* run);
void AddReport(CLI::App& app, std::function<int()>* run);
void AddLog(CLI::App& app, std::function<int()>* run);
void AddLabels(CLI::App& app, std::function<int()>* run);
void AddReplay(CLI::App& app, std::function<int()>* run);
void AddRemoteVerbs(CLI::App& app, std::function<int()>* run);  // models promote rollback rollout retrain alerts timeline
void AddConfig(CLI::App& app, std::function<int()>* run);
void AddBench(CLI::App& app, std::function<int()>* run);
void AddDemo(CLI::App& app, std::function<int()>* run);
void AddHealth(CLI::App& app, std::function<int()>* run);
void AddVersion(CLI::App& app, std::function<int()>* run);
void AddDoctor(CLI::App& app, std::function<int()>* run);
void AddCompletion(CLI::App& app, std::function<int()>* run);

}  // namespace vigil::cli
