#include "base/testing/paths.h"
#include "storage/testing/kill_log.h"

namespace vigil {
namespace {

TEST(LogKill, NothingAcknowledgedIsMissing) {
  for (const LogSync sync : {LogSync::kAlways, LogSync::kInterval}) {
    testing::TempDir directory;
    PredictionLogOptions options;
    options.directory = directory.file("log");
    options.sync = sync;
    testing::KillAndCheck(options, 4, 1);
  }
}

}  // namespace
}  // namespace vigil
