#include "cli/cli.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "storage/abandoned.h"

namespace vigil::cli {

int Fail(const Status& status, ExitCode code) {
  std::cerr << "error: " << std::string(status.message()) << "\n";
  return code;
}

int FailForData(const Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange: return Fail(status, kBadData);
    default: return Fail(status, kFailed);
  }
}

void PrintJson(const Json& value) { std::cout << DumpJson(value) << std::endl; }

bool IsTerminal() { return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr; }

StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  std::stringstream text;
  text << file.rdbuf();
  if (file.bad()) return absl::DataLossError(absl::StrCat(path, ": cannot be read"));
  return text.str();
}

Status WriteFile(const std::string& path, std::string_view text) {
  const std::string temporary = UnfinishedPath(path);
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
  }
  return absl::OkStatus();
}

CLI::App* NewVerb(CLI::App& app, const std::string& name, const std::string& summary, const std::string& example) {
  CLI::App* verb = app.add_subcommand(name, summary);
  verb->footer("Example:\n  " + example);
  return verb;
}

}  // namespace vigil::cli
