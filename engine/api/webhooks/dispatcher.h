// Tells webhooks what happens to actions, at least once. The outbox is the journal of the ActionSet itself,
// stored in the same write as the change that it tells of; there is no second place that could miss one. Each
// webhook has a thread that reads the journals in order, sends what its webhook wants, and tries again, with
// backoff, until it is taken (or a day has passed). How far it came is written on the ActionSet once the
// action has ended, and until then a finalizer keeps the ActionSet: a daemon that dies sends some events of
// unfinished actions again, with the same ids, and loses none. Thread safety: the destructor may be called
// from any thread; it ends the threads.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/services.h"
#include "api/webhooks/webhook.h"
#include "base/task_group.h"

namespace fencepost::api {

class WebhookDispatcher {
  public:
    explicit WebhookDispatcher(Services& services);
    WebhookDispatcher(const WebhookDispatcher&) = delete;
    WebhookDispatcher& operator=(const WebhookDispatcher&) = delete;
    ~WebhookDispatcher();

  private:
    class Courier;
    void run();
    void follow();
    void look_at(const Value& object);
    void release_what_nobody_waits_for();

    Services& services_;
    std::map<std::string, std::pair<Value, std::unique_ptr<Courier>>> couriers_;  // by name, with its spec
    CancelSource stop_;
    TaskGroup thread_;
};

}  // namespace fencepost::api
