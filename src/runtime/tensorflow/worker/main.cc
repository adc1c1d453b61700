// vigil-tensorflow-worker: holds one SavedModel for a Vigil process. A process of its own because TensorFlow's protobuf and another one
// cannot live in one program, and because a model that crashes then takes nothing with it. Talks over descriptor 3 (protocol.h) and ends
// when that is closed: it never outlives the process that started it.
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

#include "runtime/tensorflow/protocol.h"
#include "runtime/tensorflow/worker/session.h"

namespace vigil::tensorflow {
namespace {

constexpr int kSocket = 3;
constexpr size_t kQueuedRunsMax = 1024;
constexpr uint32_t kThreadsMax = 64, kTagsMax = 64, kPathBytesMax = 4096;
constexpr uint32_t kInvalidArgument = 3, kDeadlineExceeded = 4, kResourceExhausted = 8, kUnavailable = 14;
using SteadyTime = std::chrono::steady_clock::time_point;

[[noreturn]] void End(int code) { _exit(code); }  // TensorFlow's threads must not see static objects go

// False at the end of the stream.
bool ReadAll(char* to, size_t bytes) {
  while (bytes > 0) {
    const ssize_t got = read(kSocket, to, bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

// Frames of many threads, whole.
class Output {
 public:
  void Send(const std::string& frame) {
    const std::lock_guard lock(mutex_);
    for (size_t sent = 0; sent < frame.size();) {
      const ssize_t n = send(kSocket, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) End(0);  // nobody is there any more
      sent += static_cast<size_t>(n);
    }
  }
  void Fail(uint64_t call, const Failure& failure) {
    FrameWriter writer(FrameKind::kError, call);
    writer.U32(failure.code);
    writer.Text(std::string_view(failure.text).substr(0, kErrorTextBytesMax));
    Send(writer.Finish());
  }

 private:
  std::mutex mutex_;
};

struct Run {
  uint64_t call = 0;
  std::string body;
  SteadyTime arrived;
};

class Worker {
 public:
  void Serve() {
    char head_bytes[kFrameHeadBytes];
    FrameHead head;
    while (ReadAll(head_bytes, sizeof(head_bytes))) {
      if (!ReadFrameHead(head_bytes, &head)) End(2);
      std::string body(head.body_bytes, '\0');
      if (!ReadAll(body.data(), body.size())) return;
      if (head.kind == FrameKind::kLoad) {
        Load(head.call, body);
      } else if (head.kind == FrameKind::kRun) {
        Enqueue({head.call, std::move(body), std::chrono::steady_clock::now()});
      } else {
        End(2);
      }
    }
  }

 private:
  void Load(uint64_t call, const std::string& body) {
    FrameReader reader(body);
    const std::string library(reader.Text(kPathBytesMax)), folder(reader.Text(kPathBytesMax));
    const uint32_t count = reader.U32();
    std::vector<std::string> tags;
    for (uint32_t i = 0; reader.ok() && i < count && i < kTagsMax; ++i) tags.emplace_back(reader.Text(kFrameNameBytesMax));
    const uint32_t threads = reader.U32();
    if (!reader.AtEnd() || session_) End(2);
    Failure failure{kUnavailable, ""};
    if (!LoadCApi(library.c_str(), &api_, &failure.text)) {
      failure.text = library + ": " + failure.text;
      return output_.Fail(call, failure);
    }
    session_.emplace(api_);
    if (!session_->Load(folder, tags, &failure)) return output_.Fail(call, failure);
    for (uint32_t i = 0; i < threads && i < kThreadsMax; ++i) std::thread([this] { RunLoop(); }).detach();
    FrameWriter writer(FrameKind::kLoaded, call);
    writer.Text(api_.Version());
    output_.Send(writer.Finish());
  }

  void Enqueue(Run run) {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() < kQueuedRunsMax) {
        queue_.push_back(std::move(run));
        queued_.notify_one();
        return;
      }
    }
    output_.Fail(run.call, {kResourceExhausted, "TensorFlow's worker has " + std::to_string(kQueuedRunsMax) + " calls waiting"});
  }

  void RunLoop() {
    for (;;) {
      std::unique_lock lock(mutex_);
      queued_.wait(lock, [this] { return !queue_.empty(); });
      const Run run = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      RunOne(run);
    }
  }

  void RunOne(const Run& run) {
    FrameReader reader(run.body);
    const int64_t left_us = reader.I64();
    std::vector<FrameTensor> inputs;
    std::vector<std::string_view> wanted;
    const uint32_t fed = reader.U32();
    for (uint32_t i = 0; reader.ok() && i < fed && i < kFrameTensorsMax; ++i) inputs.push_back(reader.Tensor());
    const uint32_t asked = reader.U32();
    for (uint32_t i = 0; reader.ok() && i < asked && i < kFrameTensorsMax; ++i) wanted.push_back(reader.Text(kFrameNameBytesMax));
    if (!reader.AtEnd()) return output_.Fail(run.call, {kInvalidArgument, "the call is not in the protocol's form"});
    if (left_us >= 0 && std::chrono::steady_clock::now() - run.arrived >= std::chrono::microseconds(left_us)) {
      return output_.Fail(run.call, {kDeadlineExceeded, "the deadline passed before TensorFlow ran"});
    }
    FrameWriter writer(FrameKind::kResult, run.call);
    Failure failure;
    if (!session_->Run(inputs, wanted, &writer, &failure)) return output_.Fail(run.call, failure);
    output_.Send(writer.Finish());
  }

  CApi api_{};
  std::optional<Session> session_;
  Output output_;
  std::mutex mutex_;
  std::condition_variable queued_;
  std::deque<Run> queue_;
};

}  // namespace
}  // namespace vigil::tensorflow

int main(int argc, char**) {
  int type = 0;
  socklen_t bytes = sizeof(type);
  if (argc != 1 || getsockopt(3, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0) {
    std::fprintf(stderr, "vigil-tensorflow-worker: started by Vigil only, which gives it a socket\n");
    return 2;
  }
  // Never destroyed: threads may be running when the stream ends.
  auto* const worker = new vigil::tensorflow::Worker;
  worker->Serve();
  _exit(0);
}
