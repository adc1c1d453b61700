#include "net/http2_exchange.h"

#include <cstdlib>

#include "net/http1_exchange.h"

namespace vigil::net {

void Unhold(Http2Stream& stream, Http2StreamPool& pool) {
  if (stream.connection != nullptr) {
    stream.connection->Unhold(stream);
  } else {
    pool.Give(&stream);
  }
}

Http2Deferred::Http2Deferred(Http2Connection& connection, Http2Stream& stream) : pool_(connection.pool()), stream_(stream) {
  connection.Hold(stream);
}

Http2Deferred::~Http2Deferred() {
  if (stream_.open && !done_) {
    if (started_) {
      stream_.connection->Reset(stream_, Http2Error::kInternal);
    } else {
      stream_.connection->Refuse(stream_, 500, kGivenUp);
    }
  }
  Unhold(stream_, *pool_);
}

void Http2Deferred::Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) {
  if (started_ || done_ || !stream_.open) return;
  done_ = true;
  stream_.connection->Answer(stream_, status, content_type, body, headers);
}

void Http2Deferred::Start(int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers) {
  if (started_ || done_ || !stream_.open) return;
  started_ = true;
  stream_.connection->SendHead(stream_, status, content_type, headers, -1, stream_.head_only);
}

void Http2Deferred::Frame(std::string_view bytes) {
  if (!started_ || done_ || !stream_.open || bytes.empty()) return;
  stream_.connection->SendBody(stream_, bytes);
}

void Http2Deferred::End() {
  if (!started_ || done_ || !stream_.open) return;
  done_ = true;
  stream_.connection->EndBody(stream_);
}

void Http2Exchange::Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) {
  if (answered_) std::abort();  // a handler that answers twice has lost track of which request it answers
  answered_ = true;
  connection_.Answer(stream_, status, content_type, body, headers);
}

std::shared_ptr<Deferred> Http2Exchange::Defer() {
  if (answered_) std::abort();
  answered_ = true;
  return std::make_shared<Http2Deferred>(connection_, stream_);
}

}  // namespace vigil::net
