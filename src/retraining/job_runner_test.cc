#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/testing/paths.h"
#include "retraining/retraining.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

StatusOr<TrainerResult> Wait(JobRunner* runner) {
  for (int i = 0; i < 2000; ++i) {
    if (auto result = runner->Poll(); result.has_value()) return *std::move(result);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return absl::DeadlineExceededError("the test's own limit");
}

StatusOr<TrainerResult> RunScript(const std::string& script, const std::string& directory, int64_t deadline_ms = 20'000) {
  JobRunner runner({"sh", "-c", script});
  VIGIL_RETURN_IF_ERROR(runner.Start({{"id", "job-1"}, {"window", 3}}, directory, deadline_ms));
  return Wait(&runner);
}

constexpr char kGoodManifest[] =
    R"(printf model > m.json; printf '{"job_id":"job-1","status":"done","artefact":"m.json","metrics":{"holdout.average_precision":0.7},"rows":5}' > result.json)";

TEST(JobRunner, HandsOverTheJobAndReadsTheResult) {
  testing::TempDir dir;
  const auto result = RunScript(absl::StrCat("test \"$(grep -c job-1 \"$VIGIL_JOB\")\" = 1 || exit 9; ", kGoodManifest), dir.path());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*ReadWholeFile(result->artefact, 100), "model");
  EXPECT_EQ(result->digest, Sha256Hex("model"));
  EXPECT_EQ(result->metrics.at("holdout.average_precision"), 0.7);
  EXPECT_EQ(result->manifest.at("rows"), 5);
  EXPECT_EQ(result->reference_profile, "");
}

TEST(JobRunner, ExitCodesAndBrokenManifests) {
  const struct {
    const char* script;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"echo too few rows; exit 10", absl::StatusCode::kUnavailable, "data not ready: too few rows"},
      {"echo first; echo no such column >&2; exit 20", absl::StatusCode::kFailedPrecondition, ": no such column"},
      {"exit 1", absl::StatusCode::kAborted, "exit code 1"},
      {"kill -9 $$", absl::StatusCode::kAborted, "signal 9"},
      {"exit 0", absl::StatusCode::kDataLoss, "no usable result.json"},
      {"echo '{' > result.json", absl::StatusCode::kDataLoss, "result.json"},
      {"echo '[]' > result.json", absl::StatusCode::kDataLoss, "expected an object"},
      {R"(echo '{"job_id":"job-1","status":"failed"}' > result.json)", absl::StatusCode::kDataLoss, "\"failed\" instead of \"done\""},
      {R"(echo x > m; echo '{"job_id":"job-0","status":"done","artefact":"m"}' > result.json)", absl::StatusCode::kDataLoss, "this job is"},
      {R"(echo '{"job_id":"job-1","status":"done"}' > result.json)", absl::StatusCode::kDataLoss, "artefact"},
      {R"(echo '{"job_id":"job-1","status":"done","artefact":"m"}' > result.json)", absl::StatusCode::kDataLoss, "does not exist"},
      {R"(echo '{"job_id":"job-1","status":"done","artefact":"../../etc/passwd"}' > result.json)", absl::StatusCode::kDataLoss, "outside"},
      {R"(echo '{"job_id":"job-1","status":"done","artefact":"/etc/passwd"}' > result.json)", absl::StatusCode::kDataLoss, "outside"},
      {R"(echo x > m; echo '{"job_id":"job-1","status":"done","artefact":"m","digest":"00"}' > result.json)", absl::StatusCode::kDataLoss,
       "digest"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.script);
    testing::TempDir dir;
    const auto result = RunScript(c.script, dir.path());
    EXPECT_EQ(result.status().code(), c.code) << result.status();
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(c.message));
  }
}

TEST(JobRunner, AnEarlierAttemptsResultIsNotThisOnes) {
  testing::TempDir dir;
  ASSERT_TRUE(RunScript(kGoodManifest, dir.path()).ok());
  EXPECT_EQ(RunScript("exit 0", dir.path()).status().code(), absl::StatusCode::kDataLoss);
}

bool Alive(const std::string& pid_file) {
  std::ifstream file(pid_file);
  pid_t pid = 0;
  return (file >> pid) && kill(pid, 0) == 0;
}

void WaitFor(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST(JobRunner, TheDeadlineKillsTheWholeGroup) {
  testing::TempDir dir;
  FakeClock clock(kDayUs);
  JobRunner runner({"sh", "-c", "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > pid; sleep 60; sleep 60' & wait; sleep 60"}, &clock);
  ASSERT_TRUE(runner.Start({{"id", "job-1"}}, dir.path(), 1000).ok());
  EXPECT_EQ(runner.Start({{"id", "job-2"}}, dir.path(), 1000).code(), absl::StatusCode::kFailedPrecondition);
  WaitFor([&] { return Alive(dir.file("pid")); });
  ASSERT_TRUE(Alive(dir.file("pid")));
  EXPECT_FALSE(runner.Poll().has_value());
  clock.Advance(1001 * 1000);
  EXPECT_FALSE(runner.Poll().has_value()) << "asked to stop; it will not";
  EXPECT_TRUE(runner.running());
  clock.Advance(2000 * 1000);
  const auto result = Wait(&runner);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("deadline"));
  WaitFor([&] { return !Alive(dir.file("pid")); });
  EXPECT_FALSE(Alive(dir.file("pid"))) << "a grandchild was left";
  EXPECT_FALSE(runner.running());
}

TEST(JobRunner, CancelAndDestructionKillToo) {
  testing::TempDir dir;
  {
    JobRunner runner({"sleep", "60"});
    ASSERT_TRUE(runner.Start({{"id", "a"}}, dir.path(), 60'000).ok());
    runner.Cancel();
    EXPECT_EQ(Wait(&runner).status().code(), absl::StatusCode::kCancelled);
    EXPECT_FALSE(runner.Poll().has_value());
  }
  {
    JobRunner runner({"sh", "-c", "echo $$ > pid; exec sleep 60"});
    ASSERT_TRUE(runner.Start({{"id", "b"}}, dir.path(), 60'000).ok());
    WaitFor([&] { return Alive(dir.file("pid")); });
  }
  EXPECT_FALSE(Alive(dir.file("pid")));
}

TEST(JobRunner, AMissingProgramIsNamed) {
  testing::TempDir dir;
  JobRunner runner({"no-such-trainer"});
  const Status status = runner.Start({{"id", "a"}}, dir.path(), 1000);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-trainer"));
}

TEST(JobRunner, TheChildInheritsNoDescriptors) {
  testing::TempDir dir;
  std::ifstream held("/dev/null");
  const auto result = RunScript("ls /proc/$$/fd | tr '\\n' ' '; exit 20", dir.path());
  EXPECT_THAT(std::string(result.status().message()), ::testing::AnyOf(HasSubstr(": 0 1 2 "), HasSubstr(": 0 1 2")));
}

}  // namespace
}  // namespace vigil
