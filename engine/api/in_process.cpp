#include <algorithm>

#include "api/api.h"
#include "api/site.h"
#include "base/encodings.h"

namespace fencepost::api {
namespace {

// Takes what a handler streams to where the caller wants it.
class SinkStream final : public net::ResponseStream {
  public:
    explicit SinkStream(const std::function<void(std::string_view)>& sink) : sink_(sink) {}
    void write(std::string_view bytes) override { sink_(bytes); }

  private:
    const std::function<void(std::string_view)>& sink_;
};

class InProcessApi final : public net::HttpClient {
  public:
    InProcessApi(const ApiOptions& options, cluster::Cluster& cluster, RunAccess run, Clock& clock, Log& log)
        : site_(options, cluster, std::move(run), clock, log, false) {}

    net::HttpResponse request(net::HttpRequest request, const CancelToken& cancel) override {
        net::ServerRequest served = as_served(request.url);
        served.method = std::move(request.method);
        served.headers = std::move(request.headers);
        served.body = std::move(request.body);
        served.cancel = cancel;
        net::ServerResponse answer =
            site_.answer(served, [] { return Access::unrestricted("this process"); });
        net::HttpResponse response{answer.status, std::move(answer.headers), {}};
        const auto collect = [&](std::string_view bytes) { response.body += bytes; };
        const std::function<void(std::string_view)> sink =
            request.body_sink && answer.status < 300 ? request.body_sink : collect;
        SinkStream stream(sink);
        if (answer.stream)
            answer.stream(stream);
        else
            sink(answer.body);
        return response;
    }

  private:
    // "scheme://host/path?query"
    static net::ServerRequest as_served(const std::string& url) {
        net::ServerRequest served;
        served.target = url.substr(std::min(url.find('/', url.find("://") + 3), url.size()));
        const std::size_t mark = std::min(served.target.find('?'), served.target.size());
        served.path = url_decode(served.target.substr(0, mark));
        if (mark < served.target.size()) served.query = served.target.substr(mark + 1);
        served.peer = "this process";
        return served;
    }

    Site site_;
};

}  // namespace

std::unique_ptr<net::HttpClient> make_in_process_api(const ApiOptions& options, cluster::Cluster& cluster,
                                                     RunAccess run, Clock& clock, Log& log) {
    return std::make_unique<InProcessApi>(options, cluster, std::move(run), clock, log);
}

}  // namespace fencepost::api
