// Credentials that expire: found when first asked for, and again before they end.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "blobs/caller.h"

namespace vigil::blobs {

template <typename T>
struct Found {
  T value;
  std::string source;  // where from: never the secret
  TimeUs expires = 0;  // 0: never
  bool fixed = false;  // looking again finds the same: a refusal is final
  bool none = false;   // there are none to be had; requests are anonymous
};

// One thread at a time.
template <typename T>
class Renewed final : public CredentialHolder {
 public:
  Renewed(const Clock& clock, std::function<StatusOr<Found<T>>()> find) : clock_(clock), find_(std::move(find)) {}

  // What is in force now. Within five minutes of its end (a fifth of a short life) it is looked for again; what has not ended is used on
  // when that fails.
  StatusOr<const T*> Get() {
    const TimeUs now = clock_.NowUs();
    if (found_ && (found_->expires == 0 || now < found_->expires - margin_)) return &found_->value;
    StatusOr<Found<T>> found = find_();
    // A service that is away for a moment is not one that was never there.
    const bool better = found_ && now < found_->expires && (!found.ok() || (found->none && !found_->none));
    if (better) return &found_->value;
    if (!found.ok()) return found.status();
    found_ = *std::move(found);
    margin_ = std::min<TimeUs>(5 * kMinuteUs, (found_->expires - now) / 5);
    return &found_->value;
  }

  bool Forget() override {
    if (!found_ || found_->fixed) return false;
    found_.reset();
    return true;
  }
  std::string Source() const override { return found_ ? found_->source : "none"; }

 private:
  const Clock& clock_;
  const std::function<StatusOr<Found<T>>()> find_;
  std::optional<Found<T>> found_;
  TimeUs margin_ = 0;
};

}  // namespace vigil::blobs
