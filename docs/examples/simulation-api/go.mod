module example.com/simulation-api

go 1.26
