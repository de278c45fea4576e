// The threads of one webhook (see dispatcher.h): one holds ActionSets until they were told of, one tells.
// Telling waits for the receiver, and holding must not: what is deleted meanwhile would be gone untold.
#pragma once

#include <map>
#include <string>

#include "api/webhooks/dispatcher.h"

namespace fencepost::api {

class WebhookDispatcher::Courier {
  public:
    Courier(Services& services, Webhook hook);
    Courier(const Courier&) = delete;
    Courier& operator=(const Courier&) = delete;
    ~Courier();

  private:
    using Work = void (Courier::*)(const Value& action_set);
    void run(Work work);
    void follow(Work work);
    void tell(const Value& action_set);
    [[nodiscard]] bool is_concerned(const Value& action_set) const;
    void hold(const Value& action_set);
    void let_go(const Value& action_set);
    void deliver(const Value& action_set, const Value& entry);
    [[nodiscard]] std::string try_once(const std::string& id, const std::string& body);  // "" or the error
    void note(const std::string& error);

    Services& services_;
    const Webhook hook_;
    std::map<std::string, std::int64_t> sent_;  // the teller's: by uid of the ActionSet the last number
    std::string noted_ = "-";                   // the teller's: the error in the webhook's status
    CancelSource stop_;
    TaskGroup threads_;
};

}  // namespace fencepost::api
