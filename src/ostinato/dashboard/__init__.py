"""Live pages in a process of their own; they only read the store and runs.

    view.py       all that is shown of a store, kept up to date by reading only what is new
      store_info.py   what its numbers mean        buckets.py   events as points at every scale
      scoring.py    how it fares                 latency.py, status.py
    watching.py   looks at the store and wakes those who wait
    server.py     the page, its websocket, /api/state, /metrics, /predictions
      security.py   who may look                 assets.py    page.html, page.css, page.js, plotly.js
      live.py       the page's websocket         stream.py    predictions for other programs
      http.py       time limits and numbers of connections
    webhook.py    the same by POST               addresses.py  where to
    metrics.py    the same for Prometheus
    tui.py        the same in a terminal

Nothing here imports torch.
"""
