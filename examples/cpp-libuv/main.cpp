// SPDX-License-Identifier: MIT
//
// Moonlever in a libuv loop, in C++: the handle is one uv_poll_t and one uv_timer_t beside
// whatever else the loop does; here that is a clock that ticks.
//
//     cpp-libuv SCRIPT [ARG...]
#include <moonlever.h>
#include <uv.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

// A run in a loop. The loop keeps it alive until the run has ended.
class Run {
  public:
    explicit Run(uv_loop_t *loop) : loop_(loop)
    {
        moonlever *h = nullptr;
        if (moonlever_open(&h) != MOONLEVER_OK)
            throw std::runtime_error("out of memory");
        handle_.reset(h);
        moonlever_on_output(h, print, nullptr);
    }

    void set(const char *key, const char *value)
    {
        check(moonlever_set(get(), key, value));
    }

    void start(const char *script, int argc, const char *const *argv)
    {
        check(moonlever_run_start(get(), script, argc, argv));
        uv_poll_init(loop_, &poll_, moonlever_fd(get())); // another one for each run
        uv_timer_init(loop_, &timer_);
        poll_.data = timer_.data = this;
        uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t *p, int, int) { turn_of(p->data); });
        turn(); // what the script begins with
    }

    moonlever *get() const
    {
        return handle_.get();
    }

  private:
    struct Close {
        void operator()(moonlever *h) const
        {
            moonlever_close(h);
        }
    };

    static void print(void *, const char *text, std::size_t len)
    {
        std::fwrite(text, 1, len, stdout);
    }

    static void turn_of(void *self)
    {
        static_cast<Run *>(self)->turn();
    }

    void check(int rc) const
    {
        if (rc != MOONLEVER_OK)
            throw std::runtime_error(moonlever_errmsg(get()));
    }

    void turn()
    {
        moonlever_dispatch(get());
        if (moonlever_run_done(get())) {
            uv_close(reinterpret_cast<uv_handle_t *>(&poll_), nullptr);
            uv_close(reinterpret_cast<uv_handle_t *>(&timer_), nullptr);
            return;
        }
        const int wait = moonlever_timeout_ms(get());
        if (wait < 0)
            uv_timer_stop(&timer_);
        else
            uv_timer_start(
                &timer_, [](uv_timer_t *t) { turn_of(t->data); },
                static_cast<std::uint64_t>(wait), 0);
    }

    uv_loop_t *loop_;
    std::unique_ptr<moonlever, Close> handle_;
    uv_poll_t poll_;
    uv_timer_t timer_;
};

int run(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    Run script(loop);
    unsigned long ticks = 0;
    uv_timer_t clock;
    uv_timer_init(loop, &clock);
    uv_unref(reinterpret_cast<uv_handle_t *>(&clock)); // the script decides when it is over
    clock.data = &ticks;
    uv_timer_start(
        &clock, [](uv_timer_t *t) { ++*static_cast<unsigned long *>(t->data); }, 1, 1);

    script.set("env", "true");
    script.start(argv[1], argc - 2, const_cast<const char *const *>(argv + 2));
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close(reinterpret_cast<uv_handle_t *>(&clock), nullptr);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);

    std::printf("%s\nthe clock ticked %s\n", moonlever_result_json(script.get()),
                ticks ? "meanwhile" : "never");
    const int code = moonlever_exit_code(script.get());
    if (code != 0)
        std::fprintf(stderr, "%s\n", moonlever_errmsg(script.get()));
    return code;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    try {
        return run(argc, argv);
    } catch (const std::exception &e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}
