// C++ over the installed library: a worker in a poll loop of one's own, asked for what came so far.
//
//     c++ -std=c++17 watch.cpp $(pkg-config --cflags --libs zsip) -o watch
//     ./watch 127.0.0.1:5084 3                                 where, after how many to end
// SPDX-License-Identifier: MIT
#include <zsip/zsip.h>

#include <poll.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string_view>

static std::string_view view(zsip_view bytes)
{
    return {reinterpret_cast<const char *>(bytes.data), bytes.length};
}

class Bot
{
  public:
    explicit Bot(const char *where)
    {
        zsip_worker_config config;
        zsip_address address;
        zsip_worker *made = nullptr;
        char error[256] = "not an address";
        zsip_worker_config_init(&config);
        config.endpoint.user = this;
        config.endpoint.callbacks.request = [](void *user, zsip_endpoint *endpoint,
                                               const zsip_incoming *in) {
            static_cast<Bot *>(user)->receive(endpoint, in);
        };
        if (zsip_address_parse(where, 5060, &address) != ZSIP_OK ||
            zsip_worker_create(&config, &made, error, sizeof(error)) != ZSIP_OK)
            throw std::runtime_error(error);
        worker_.reset(made);
        if (zsip_worker_listen(made, ZSIP_TRANSPORT_UDP, &address, 0, nullptr, error, 256) != 0)
            throw std::runtime_error(error);
        turn();
    }

    void wait()
    {
        pollfd ready = {zsip_worker_fd(worker_.get()), POLLIN, 0};
        auto now_ns = zsip_time_now().monotonic_ns;
        auto next_ns = zsip_worker_deadline(worker_.get());
        auto ms = next_ns <= now_ns ? 0 : (next_ns - now_ns) / ZSIP_NS_PER_MS + 1;
        poll(&ready, 1, ms > 1000 ? 1000 : static_cast<int>(ms));
        turn();
    }

    uint64_t messages() const
    {
        struct zsip_endpoint_stats stats; // "struct": a function has the same name
        stats.struct_bytes = sizeof(stats);
        zsip_endpoint_stats(zsip_worker_endpoint(worker_.get()), &stats);
        return stats.requests_new;
    }

  private:
    struct Destroy {
        void operator()(zsip_worker *worker) const
        {
            zsip_worker_destroy(worker);
        }
    };
    std::unique_ptr<zsip_worker, Destroy> worker_;

    void turn()
    {
        if (zsip_worker_turn(worker_.get(), 0) != ZSIP_OK)
            throw std::runtime_error("the ring is broken");
    }

    // No exception leaves a callback: the library is C.
    void receive(zsip_endpoint *endpoint, const zsip_incoming *in) noexcept
    {
        zsip_response ok = {};
        ok.struct_bytes = sizeof(ok);
        ok.status = 200;
        std::cout << view(zsip_msg_view(in->msg, in->msg->from.uri)) << ": "
                  << view(zsip_msg_body(in->msg)) << std::endl;
        zsip_endpoint_respond(endpoint, in->handle, &ok, in->now);
    }
};

int main(int argc, char **argv)
try {
    Bot bot(argc > 1 ? argv[1] : "127.0.0.1:5084");
    const auto end = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    while (bot.messages() < end)
        bot.wait();
} catch (const std::exception &e) {
    return std::cerr << "watch: " << e.what() << std::endl, 1;
}
