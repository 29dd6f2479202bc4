module moonlever.bench/client

go 1.19
