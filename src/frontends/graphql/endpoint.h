// GET and POST /graphql on one loop: reads the request's outer parts here, everything else on a worker's thread.
#pragma once

#include <memory>

#include "frontends/graphql/http.h"
#include "frontends/graphql/subscriptions.h"
#include "frontends/rest/route.h"

namespace vigil::graphql {

// Only on the loop's thread, but for what says otherwise.
class Endpoint {
 public:
  // Both outlive it; `alive` is false, or gone, once the handler is.
  Endpoint(RestHandler& handler, net::EventLoop& loop, std::weak_ptr<bool> alive);
  ~Endpoint();

  void Handle(Call& call);
  // Streams end.
  void Drain() { subscriptions_.Stop(); }

 private:
  struct Job;
  // On a worker's thread.
  StatusOr<Reply> Answer(Job& job);
  StatusOr<Reply> Listen(Job& job, std::shared_ptr<const Document> document, const Asked& asked);
  ExecuteOptions OptionsFor(Job& job, const Asked& asked) const;

  RestHandler& handler_;
  Shared& shared_;
  net::EventLoop& loop_;
  const std::weak_ptr<bool> alive_;
  Subscriptions subscriptions_;
};

// One of GraphiQL's files; graphiql.cc.
void AnswerGraphiql(RestHandler& handler, Call& call, std::string_view path);

}  // namespace vigil::graphql
