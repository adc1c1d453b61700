// A child process that writes a log until it is killed, and what the parent may then expect of the log.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "storage/testing/log_material.h"

namespace vigil::testing {

// What the child says when something is durable by the log's promise.
struct Acknowledgement {
  uint64_t prediction = 0;
  uint32_t labelled = 0;  // its label too
  uint32_t number = 0;    // which record it was
};

// Runs until killed: three records a flush, and now and then labels for earlier ones. Every acknowledgement goes to `pipe` after the log's
// call returned.
[[noreturn]] inline void WriteUntilKilled(const PredictionLogOptions& options, uint32_t first, int pipe) {
  SystemClock clock;
  auto log = PredictionLog::Open(options, clock);
  if (!log.ok()) _exit(3);
  const auto schema = (*log)->RegisterSchema(FraudSchema());
  auto writer = (*log)->NewWriter();
  if (!schema.ok() || !writer.ok()) _exit(4);
  std::vector<Acknowledgement> unlabelled;
  for (uint32_t i = first;; i += 3) {
    std::vector<Acknowledgement> batch;
    for (uint32_t k = 0; k < 3; ++k) {
      NumberedRecord numbered(*schema, i + k);
      if (!(*writer)->Append(numbered.record).ok()) _exit(5);
      batch.push_back({numbered.record.prediction_id.value, 0, i + k});
    }
    if (!(*writer)->Flush().ok()) _exit(6);
    if (write(pipe, batch.data(), batch.size() * sizeof(batch[0])) < 0) _exit(7);
    unlabelled.insert(unlabelled.end(), batch.begin(), batch.end());
    if (unlabelled.size() < 60) continue;
    std::vector<Label> labels;
    for (Acknowledgement& a : unlabelled) {
      a.labelled = 1;
      labels.push_back({.id = absl::StrCat("tx-", a.number), .value = static_cast<double>(a.number % 2)});
    }
    const auto counts = (*log)->Join(labels, nullptr);
    if (!counts.ok() || counts->unmatched != 0) _exit(8);
    if (write(pipe, unlabelled.data(), unlabelled.size() * sizeof(unlabelled[0])) < 0) _exit(9);
    unlabelled.clear();
  }
}

// Kills a writing child `kills` times on one log, after a few milliseconds each, and checks after each that nothing acknowledged is
// missing.
inline void KillAndCheck(PredictionLogOptions options, int kills, uint64_t seed) {
  options.segment_bytes_max = 256 << 10;
  Random random(seed);
  std::map<uint64_t, Acknowledgement> told;
  uint32_t next = 0;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      WriteUntilKilled(options, next, ends[1]);
    }
    close(ends[1]);
    std::thread killer([&, delay = std::chrono::microseconds(5'000 + random.Below(60'000))] {
      std::this_thread::sleep_for(delay);
      kill(child, SIGKILL);
    });
    Acknowledgement acknowledgement;
    ssize_t n;
    while ((n = read(ends[0], &acknowledgement, sizeof(acknowledgement))) > 0) {
      if (n < static_cast<ssize_t>(sizeof(acknowledgement))) break;  // the pipe's own tear
      if (acknowledgement.labelled == 0) {
        ASSERT_FALSE(told.contains(acknowledgement.prediction)) << "an id came twice";
      }
      told[acknowledgement.prediction] = acknowledgement;
      next = std::max(next, acknowledgement.number + 1);
    }
    close(ends[0]);
    killer.join();
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
    next += 3;  // records that were flushed but whose acknowledgement was cut off

    SystemClock clock;
    const auto log = PredictionLog::Open(options, clock);
    ASSERT_TRUE(log.ok()) << log.status();
    EXPECT_TRUE((*log)->Verify().ok()) << (*log)->Verify();
    std::map<uint64_t, LoggedPrediction> found;
    ASSERT_TRUE((*log)
                    ->Scan({.with_labels = true},
                           [&](const LoggedPrediction& prediction) {
                             EXPECT_TRUE(found.emplace(prediction.prediction_id.value, prediction).second) << "an id is in the log twice";
                             return true;
                           })
                    .ok());
    for (const auto& [id, want] : told) {
      const auto it = found.find(id);
      ASSERT_TRUE(it != found.end()) << "record " << want.number << " was acknowledged and is missing after kill " << kill_number;
      ASSERT_EQ(it->second.id, absl::StrCat("tx-", want.number));
      ASSERT_GE(it->second.labelled, want.labelled != 0) << "the label of record " << want.number << " was acknowledged and is missing";
      if (want.labelled != 0) {
        ASSERT_EQ(it->second.label, want.number % 2);
      }
    }
  }
  EXPECT_GT(told.size(), static_cast<size_t>(kills)) << "the children hardly wrote";
}

}  // namespace vigil::testing
