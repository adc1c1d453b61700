#include "base/testing/paths.h"
#include "storage/testing/kill_log.h"

namespace vigil {
namespace {

TEST(LogKillSlow, AHundredKillsWithAlways) {
  testing::TempDir directory;
  PredictionLogOptions options;
  options.directory = directory.file("log");
  options.sync = LogSync::kAlways;
  testing::KillAndCheck(options, 100, 2);
}

// A killed process loses only what it had not handed to the kernel, so by default too nothing acknowledged is missing.
TEST(LogKillSlow, AHundredKillsByDefault) {
  testing::TempDir directory;
  PredictionLogOptions options;
  options.directory = directory.file("log");
  testing::KillAndCheck(options, 100, 3);
}

}  // namespace
}  // namespace vigil
