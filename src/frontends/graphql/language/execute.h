// Executing a prepared document: one operation, its resolvers called in the order of the document on the caller's thread (they may block,
// so the caller is no event loop), the response written as it comes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/graphql/language/document.h"
#include "frontends/graphql/language/resolvers.h"

namespace vigil::graphql {

struct ExecuteOptions {
  std::string_view operation_name;  // empty: the only operation
  // An object or null; not owned.
  const Json* variables = nullptr;
  // Resolvers see it with FieldCall::Context; not owned.
  void* context = nullptr;
  Value root;
  // `extensions` of a resolver's failure. By default {"code": the name of its row in frontends/errors.h, "path"?: the offending argument}.
  std::function<Json(const Status&)> extensions;
  // Asked before every resolver; a failure (the deadline, the client gone) ends the execution: data is null, and it is the one error.
  std::function<Status()> proceed;
  Limits limits;
};

struct Response {
  // False when no resolver ran: unknown operation, variables that do not fit, cost beyond its limit. GraphQL over HTTP answers 400, and the
  // body has no `data`.
  bool executed = false;
  std::string data;  // JSON text, "null" when a non-null root field failed
  std::vector<Error> errors;

  // {"errors"?: [...], "data"?: ...}
  std::string Text() const;
};
// The body for errors alone: those of Prepare, or the caller's own.
std::string ErrorsText(const std::vector<Error>& errors);

// Queries and mutations. (A subscription is an error: Subscribe.)
Response Execute(const Resolvers& resolvers, const Document& document, const ExecuteOptions& options);

// A running subscription: the caller makes the stream of events that field() and arguments() ask for, and has each executed. Holds the
// document and copies of the variables; resolvers must outlive it. One thread at a time.
class Subscription {
 public:
  ~Subscription();
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;

  // The root field's name in the schema, and its coerced arguments.
  std::string_view field() const;
  const Json& arguments() const;
  // The response for one event. `event` is the root field's parent: its resolver gets it, or its member of the field's name is the value.
  // Of `options` the context, extensions, proceed and limits count.
  Response Next(Value event, const ExecuteOptions& options) const;

 private:
  friend struct SubscriptionStart;
  struct State;
  explicit Subscription(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct Subscribed {
  std::optional<Subscription> subscription;
  Response refusal;  // when there is none: executed is false
};
Subscribed Subscribe(const Resolvers& resolvers, std::shared_ptr<const Document> document, const ExecuteOptions& options);

}  // namespace vigil::graphql
