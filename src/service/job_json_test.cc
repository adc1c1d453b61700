#include <gtest/gtest.h>

#include "service/retraining_service.h"

namespace vigil {
namespace {

TEST(JobJson, RoundTripIsExact) {
  Job job;
  job.id = "7";
  job.model = "fraud";
  job.state = JobState::kRefused;
  job.attempts = 2;
  job.as_of = 5;
  const auto back = JobFromJson(JobToJson(job));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->state, JobState::kRefused);
  EXPECT_EQ(JobToJson(*back), JobToJson(job));
}

// Once it was read as a job that waits, and so was run.
TEST(JobJson, AnUnknownStateIsRefused) {
  Json json = JobToJson(Job());
  json["state"] = "sleeping";
  const auto back = JobFromJson(json);
  EXPECT_EQ(back.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(back.status().message(), "a stored job cannot be read: no state is called \"sleeping\"");
}

}  // namespace
}  // namespace vigil
