"""The page: `dst web` serves it, with the HTTP API under it.

`server` listens; `application` joins the routes and what guards them (`guards`); `pictures`, `answers` and `api` answer
requests, which `asking` reads; `catalogue` says what there is to choose; `sessions` knows whose is what; `jobs` is the queue;
`pool` keeps the worker processes, `worker` runs in them, `tasks` and `painting` are what they do; `links` fetches pictures by
their address. The server's process computes nothing: no torch, no image is opened in it.
"""
